# Run one server in a room of its own: a throw-away copy of this machine's file system that ends with its last process.
# usage: room.sh ROOM STAGE LAYERS ACCOUNT COMMAND...    inside fresh mount, PID, IPC and UTS namespaces
set -e
room=$1 stage=$2 layers=$3 account=$4
shift 4
hostname laboratory
mount -t tmpfs -o size=1g,mode=755 tmpfs "$room"
mkdir "$room/upper" "$room/work" "$room/tree"
mount -t overlay overlay -o "lowerdir=/,upperdir=$room/upper,workdir=$room/work" "$room/tree"
# The directories that are links here, such as /lib, stay links. Layers are folders joined by blanks.
for layer in $layers; do tar -C "$layer" -c . | tar -C "$room/tree" -x --keep-directory-symlink; done
cp -a "$stage/." "$room/tree/"
cd "$room/tree"
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs run
mkdir -m 1777 run/lock
chroot . chown -R "$account" /lab
chmod 600 lab/key.pem lab/both.pem
chroot . /bin/sh -e /lab/prepare
ulimit -n 4096
ulimit -c 0
set +e
chroot --userspec="$account" . /usr/bin/env PWD=/ "$@" &
wait $!
code=$?
if [ $code -ne 0 ]; then
    tail -n 20 lab/*.log lab/*/*.log 2>/dev/null
    echo "ended with code $code"
    exit $code
fi
# It went to the background; its processes live as long as this one.
while :; do sleep 3600; done
