%% The server of Erlang/OTP. usage: escript inets.erl PORT FOLDER
main([Port, Folder]) ->
    {ok, _} = application:ensure_all_started(inets),
    Options = [{port, list_to_integer(Port)}, {bind_address, {127, 0, 0, 1}}, {server_name, "inets"},
               {server_root, Folder}, {document_root, Folder}, {directory_index, ["index.html"]}],
    {ok, _} = inets:start(httpd, Options),
    receive stop -> ok end.
