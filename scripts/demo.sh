#!/usr/bin/env bash
# Trains a small 2D U-Net on the vessel phantoms twice, with Dice + CE and with Dice + CE + TopoLoss, and compares the
# predictions on the test images, each as predicted and repaired. The rules of the repairs are chosen on the validation
# cases of the trainings; best.pt holds them.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
install_segtopo ".[train]"

out=.demo
test=data_samples/vessels2d/test
rm -rf "$out"
for config in vessels2d vessels2d_topo; do
  run=$out/$config
  echo "== segtopo train configs/$config.yaml"
  segtopo train "configs/$config.yaml" "out=$run"
  segtopo predict "$run/best.pt" "$test/images" --out "$run/predictions"
  segtopo evaluate "$run/predictions" "$test/labels" --out "$run/evaluation"
  segtopo predict "$run/best.pt" "$test/images" --out "$run/repaired/predictions" --repair
  segtopo evaluate "$run/repaired/predictions" "$test/labels" --out "$run/repaired/evaluation"
done
python scripts/demo_report.py "$test" "Dice + CE=$out/vessels2d" "Dice + CE, repaired=$out/vessels2d/repaired" \
  "Dice + CE + TopoLoss=$out/vessels2d_topo" "Dice + CE + TopoLoss, repaired=$out/vessels2d_topo/repaired" \
  --out "$out/pictures"
