"""CHiME-4, 1-channel track: data directories as Kaldi's recipe makes them, and a fake corpus to try it on."""
