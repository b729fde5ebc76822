#!/usr/bin/env bash
# Test on several GPUs. For several machines, set NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail

usage='usage: tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of test.py]'
config=${1:?$usage}
checkpoint=${2:?$usage}
gpus=${3:?$usage}
nodes=${NNODES:-1}
if ((nodes > 1)); then  # each machine would take itself for the first
    : "${NODE_RANK:?is not set: number the machines from 0}" "${MASTER_ADDR:?is not set: give the first machine}"
fi

python -m torch.distributed.run \
    --nnodes="$nodes" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$gpus" \
    "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher pytorch "${@:4}"
