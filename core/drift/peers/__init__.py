"""Other monitors' numbers and default rules, recomputed; `core.drift.conventions` names them all."""
