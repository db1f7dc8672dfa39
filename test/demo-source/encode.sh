#!/bin/sh
# Encodes the film clip once into a file that joins its own beginning without a step in the timestamps.
#   encode.sh CLIP.mp4 FILM.mp4 [WIDTH:HEIGHT KBPS]
set -eu
size=${3:-1280:720}
kbps=${4:-2600}
# A seventh more for scenes that need it.
peak=$((kbps * 15 / 13))

# The file lasts 24 s: a multiple of the 2 s segments and of the AAC frame (1024 samples at 48 kHz; 8 s are 375 frames),
# so picture and sound end together. The clip's 5.28 s (132 pictures, 253440 samples) are repeated inside.
# Timestamps are whole numbers of pictures and samples: FFmpeg 7 rounds N/25/TB down, and would drop pictures.
# The bitstream filter drops the AAC encoder's priming packet: it lies before zero, and the loop would be 21 ms too long.
ffmpeg -hide_banner -loglevel warning -nostdin -y -i "$1" \
  -filter_complex "
    [0:v]fps=25,scale=$size,setsar=1,format=yuv420p,trim=end_frame=132,loop=loop=-1:size=132,trim=end_frame=600,settb=1/25,setpts=N[picture];
    [0:a]aresample=48000,aformat=channel_layouts=stereo,atrim=end_sample=253440,aloop=loop=-1:size=253440,atrim=end_sample=1152000,asettb=1/48000,asetpts=N[sound]" \
  -map '[picture]' -map '[sound]' \
  -r 25 -c:v libx264 -profile:v high -preset medium -b:v "${kbps}k" -maxrate "${peak}k" -bufsize "${peak}k" \
  -g 50 -keyint_min 50 -sc_threshold 0 -bf 2 \
  -c:a aac -b:a 128k \
  -bsf:a "noise=drop=lt(pts\,0)" \
  -f mp4 "$2"

# An image with a film that does not fit its loop must not come into being.
ask() {
  ffprobe -v error -of csv=p=0 "$@"
}
keyframes=$(ask -select_streams v -show_entries packet=pts_time,flags "$2" | awk -F, '$2 ~ /K/ { print $1 }')
lengths=$(ask -show_entries stream=start_time,duration,nb_frames "$2")
if [ "$keyframes" != "$(seq -f %.6f 0 2 22)" ] ||
  [ "$lengths" != "$(printf '0.000000,24.000000,600\n0.000000,24.000000,1125')" ]; then
  printf 'the encoded film is not what the loop needs\nkeyframes:\n%s\nstart, length, frames:\n%s\n' "$keyframes" "$lengths" >&2
  exit 1
fi
