"""`star87 doctor`: what may be wrong with a deployment, and how to mend it. Changes nothing."""
