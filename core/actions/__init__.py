"""Do what was approved: retrain a model, promote a version."""
