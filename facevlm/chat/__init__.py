"""What answers about clips are made with: who answers, which measured events bear an answer out, answers in pieces."""
