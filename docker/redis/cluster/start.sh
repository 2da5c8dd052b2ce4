#!/bin/sh
# start.sh redis|sentinel PORT [PORT-OF-THE-PRIMARY]
# The first start writes the configuration; from then on it is Redis's own, who notes there which one is the primary.
set -eu
kept=/data/$1.conf
if [ ! -e "$kept" ]; then
    {
        cat "/etc/star87/$1.conf"
        echo "port $2"
        [ -z "${3:-}" ] || echo "replicaof 127.0.0.1 $3"
    } >"$kept.new"
    mv "$kept.new" "$kept"
fi
exec "redis-$([ "$1" = redis ] && echo server || echo sentinel)" "$kept"
