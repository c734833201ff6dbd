"""Through time: one stable id per face, shots respected, the main character chosen."""
