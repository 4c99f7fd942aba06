#!/bin/sh
# start.sh NGINX PORT CORES RUN_DIR: nginx's configuration knows no parameters, so they are filled in here.
set -eu
nginx=$1 port=$2 cores=$3 run_dir=$4
sed -e "s|PORT|$port|; s|CORES|$cores|; s|RUN_DIR|$run_dir|" "$(dirname "$0")/nginx.conf" >"$run_dir/nginx.conf"
exec "$nginx" -e stderr -p "$run_dir" -c "$run_dir/nginx.conf"
