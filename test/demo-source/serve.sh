#!/bin/bash
# Plays the film as live HLS and serves it. Ends when either program ends, so that the container is restarted.
set -u
run=${SLUICE_RUN_DIRECTORY:-/run/demo-source}
film=${SLUICE_FILM:-/srv/film.mp4}
configuration=${SLUICE_NGINX_CONFIGURATION:-/etc/demo-source/nginx.conf}
address=${SLUICE_BIND_ADDRESS:-0.0.0.0}

# A restart begins a new recording: its numbers start above all earlier ones (seconds since 1970 grow faster than segments).
rm -rf "$run/film"
mkdir -p "$run/film/fmp4" "$run/nginx"
sed "s/listen 8080;/listen $address:8080;/" "$configuration" >"$run/nginx/nginx.conf"

# Twice the same: MPEG-TS, and fragmented MP4 below fmp4/.
window="-f hls -hls_time 2 -hls_list_size 10 -hls_delete_threshold 12 -hls_start_number_source epoch
  -hls_flags delete_segments+program_date_time+independent_segments+temp_file"
# shellcheck disable=SC2086 # The window is several words.
ffmpeg -hide_banner -loglevel warning -nostdin -re -stream_loop -1 -i "$film" \
  -map 0 -c copy $window -hls_segment_filename "$run/film/%d.ts" "$run/film/index.m3u8" \
  -map 0 -c copy $window -hls_segment_type fmp4 -hls_segment_filename "$run/film/fmp4/%d.m4s" \
  "$run/film/fmp4/index.m3u8" &
player=$!
# Through a pipe: its access log opens /dev/stdout, which cannot be done where that is a socket.
nginx -p "$run" -c nginx/nginx.conf -e stderr > >(exec cat) &
server=$!

trap 'kill -TERM "$player" "$server" 2>/dev/null' TERM INT
wait -n "$player" "$server"
status=$?
kill -TERM "$player" "$server" 2>/dev/null
wait
exit "$status"
