use Mojolicious::Lite -signatures;

get "/" => sub ($c) { $c->render(text => "ok") };
app->log->level("fatal");
app->start;
