"""How good the predictions were, once labels are known: binary, multiclass and regression."""
