"""Who answers questions about clips: the describe engine, endpoints, image-text models, vectors of faces."""
