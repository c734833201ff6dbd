"""facevlm: finds every face in a video, times what it does, and says it in words."""
