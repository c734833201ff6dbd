"""One frame: find faces, fit the mesh, align, describe their appearance, tell what hides them."""
