#!/bin/sh
# Encodes the film clip once into a file that joins its own beginning without a step in the timestamps.
#   encode.sh CLIP.mp4 FILM.mp4
set -eu

# The file lasts 24 s: a multiple of the 2 s segments and of the AAC frame (1024 samples at 48 kHz; 8 s are 375 frames),
# so picture and sound end together. The clip's 5.28 s (132 pictures, 253440 samples) are repeated inside.
ffmpeg -hide_banner -loglevel warning -nostdin -y -i "$1" \
  -filter_complex "
    [0:v]fps=25,scale=1280:720,format=yuv420p,trim=end_frame=132,loop=loop=-1:size=132,trim=end_frame=600,setpts=N/25/TB[picture];
    [0:a]aresample=48000,aformat=channel_layouts=stereo,atrim=end_sample=253440,aloop=loop=-1:size=253440,atrim=end_sample=1152000,asetpts=N/SR/TB[sound]" \
  -map '[picture]' -map '[sound]' \
  -c:v libx264 -profile:v high -preset medium -b:v 2600k -maxrate 3000k -bufsize 3000k \
  -g 50 -keyint_min 50 -sc_threshold 0 -bf 2 \
  -c:a aac -b:a 128k \
  -bsf:a "noise=drop=lt(pts\,0)" \
  -f mp4 "$2"
# The bitstream filter drops the AAC encoder's priming packet: it lies before zero, and the loop would be 21 ms too long.
