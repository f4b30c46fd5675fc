# The first process of a node of the park: makes /etc, /root, /home and the rest its own, then serves ssh until it is ended.
# $1: the node's folder with init files of ours (sshd_config, authorized_keys, users.sh). Nothing of the machine is changed.
set -eu
folder=$1
mount -t tmpfs -o mode=0755,size=64m rfssh "$folder/disk"
for name in etc bin; do mkdir -p "$folder/disk/$name/upper" "$folder/disk/$name/work"; done
overlay() { mount -t overlay -o "lowerdir=$1,upperdir=$folder/disk/$2/upper,workdir=$folder/disk/$2/work" rfssh "$1"; }
overlay /etc etc
overlay /usr/bin bin
rm -rf /etc/containers /etc/containerd /etc/crio
for name in crio containerd podman crictl ctr k3s; do rm -f "/usr/bin/$name"; done
for path in /root /home /run /usr/local/bin /var/lib/sudo; do
  mkdir -p "$path" && mount -t tmpfs -o mode=0755,size=512m rfssh "$path"
done
mkdir -p /run/sshd /run/sudo
. "$folder/users.sh"
ip link set lo up
# The test gives us the other end of a cable once it knows our process, and then writes down its address.
until [ -s "$folder/address" ] && ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
ip addr add "$(cat "$folder/address")" dev eth0
ip link set eth0 up
/usr/sbin/sshd -D -f "$folder/sshd_config" -E "$folder/sshd.log" &
# As the first process of its namespace it has the orphans; wait collects them.
while :; do wait || :; sleep 1; done
