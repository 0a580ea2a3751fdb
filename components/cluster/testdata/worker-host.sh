#!/bin/bash
set -euo pipefail

# What the ECS agent does. Defaults that matter at hundreds of containers a host are stated.
cat >> /etc/ecs/ecs.config <<'CONFIG'
ECS_CLUSTER=tier-1k-cluster
ECS_INSTANCE_ATTRIBUTES={"fleet.role":"worker"}
ECS_ENABLE_TASK_ENI=true
ECS_AWSVPC_BLOCK_IMDS=true
ECS_DISABLE_PRIVILEGED=true
ECS_ENABLE_TASK_IAM_ROLE=true
ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE=true
ECS_ENABLE_CONTAINER_METADATA=true
ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM=ec2_instance
ECS_AVAILABLE_LOGGING_DRIVERS=["json-file","awslogs","fluentd","none"]
ECS_IMAGE_PULL_BEHAVIOR=prefer-cached
ECS_IMAGE_CLEANUP_INTERVAL=30m
ECS_IMAGE_MINIMUM_CLEANUP_AGE=1h
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=10m
ECS_RESERVED_MEMORY=512
CONFIG

# The wall between containers and what is not theirs. It is built by a unit and not here, so that it stands after every
# boot and every restart of Docker, and the ECS agent does not start without it.
install -d -m 0755 /usr/local/lib/fleet
cat > /usr/local/lib/fleet/wall <<'WALL'
#!/bin/bash
set -euo pipefail
iptables -w -N FLEET-FORWARD 2>/dev/null || iptables -w -F FLEET-FORWARD
iptables -w -N FLEET-INPUT 2>/dev/null || iptables -w -F FLEET-INPUT
# Instance metadata would hand out the host's role. Task metadata (169.254.170.2) is answered on the host itself.
iptables -w -A FLEET-FORWARD -d 169.254.169.254/32 -j DROP
# A worker reaches its broker and nothing in the VPC, other workers of its host included.
iptables -w -A FLEET-FORWARD -d 10.20.0.0/16 -j DROP
iptables -w -A FLEET-FORWARD -o docker0 -m conntrack --ctstate NEW -j DROP
# Of the host it reaches the DNS cache and the task metadata.
iptables -w -A FLEET-INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables -w -A FLEET-INPUT -d 172.17.0.1/32 -p udp --dport 53 -j ACCEPT
iptables -w -A FLEET-INPUT -d 172.17.0.1/32 -p tcp --dport 53 -j ACCEPT
iptables -w -A FLEET-INPUT -d 127.0.0.1/32 -p tcp --dport 51679 -j ACCEPT
iptables -w -A FLEET-INPUT -j DROP
iptables -w -C DOCKER-USER -i docker0 -j FLEET-FORWARD 2>/dev/null || iptables -w -I DOCKER-USER -i docker0 -j FLEET-FORWARD
iptables -w -C INPUT -i docker0 -j FLEET-INPUT 2>/dev/null || iptables -w -I INPUT -i docker0 -j FLEET-INPUT
WALL
chmod 0755 /usr/local/lib/fleet/wall
cat > /etc/systemd/system/fleet-wall.service <<'UNIT'
[Unit]
Description=Wall between containers and the host
After=docker.service
Requires=docker.service
PartOf=docker.service
Before=ecs.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/fleet/wall
[Install]
WantedBy=docker.service
UNIT
install -d -m 0755 /etc/systemd/system/ecs.service.d
cat > /etc/systemd/system/ecs.service.d/fleet.conf <<'UNIT'
[Unit]
Requires=fleet-wall.service
After=fleet-wall.service
UNIT

# The VPC's resolver takes 1,024 packets a second from an interface: the host's own resolver answers containers from its
# cache, on docker0. It binds the address before Docker has made it.
install -d -m 0755 /etc/systemd/resolved.conf.d
cat > /etc/systemd/resolved.conf.d/fleet.conf <<'RESOLVED'
[Resolve]
Cache=yes
DNSStubListenerExtra=172.17.0.1
RESOLVED
systemctl restart systemd-resolved.service

# The directories of the sockets. Workers mount the agents' directory and never the socket, which an agent replaces.
cat > /etc/tmpfiles.d/fleet.conf <<'TMPFILES'
d /run/fleet 0770 10001 10001 -
d /run/fleet-logs 0700 10002 10002 -
TMPFILES
systemd-tmpfiles --create /etc/tmpfiles.d/fleet.conf

systemctl daemon-reload
systemctl enable --now fleet-wall.service
