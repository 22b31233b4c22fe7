"""What belongs to single corpora: a directory each, with the shell scripts that run.sh calls."""
