#!/usr/bin/env bash
# Self-training on several GPUs. For several machines, which share the work dir, set NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail

usage='usage: tools/dist_self_train.sh CONFIG GPUS [arguments of self_train.py]'
config=${1:?$usage}
gpus=${2:?$usage}

python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$gpus" \
    "$(dirname "$0")/self_train.py" "$config" --launcher pytorch "${@:3}"
