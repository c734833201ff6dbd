"""Files people open: JSON, WebVTT and SRT, ELAN, CSV, an HTML report, an overlay video."""
