"""The lines of a face in the 478-point mesh: chains of indices, subject's right side first.

The topology is that of MediaPipe's face mesh (Kartynnik et al. 2019, https://arxiv.org/abs/1907.06724; irises:
Ablavatski et al. 2020, https://arxiv.org/abs/2006.11341).
"""

Chain = tuple[int, ...]

OVAL: tuple[Chain, ...] = (
    (
        *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
        *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10),
    ),
)
EYES: tuple[Chain, ...] = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7, 33),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249, 263),
)
BROWS: tuple[Chain, ...] = (
    (46, 53, 52, 65, 55, 107, 66, 105, 63, 70, 46),
    (276, 283, 282, 295, 285, 336, 296, 334, 293, 300, 276),
)
MOUTH: tuple[Chain, ...] = (
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146, 61),
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78),
)
NOSE: tuple[Chain, ...] = ((168, 6, 197, 195, 5, 4), (98, 97, 2, 326, 327))
IRISES: tuple[Chain, ...] = ((469, 470, 471, 472), (474, 475, 476, 477))  # four points on the edge, in turn

#: Part of the face, as named in `TrackedFace.hidden`, -> its lines. "face" is never hidden; irises are rings.
PARTS: dict[str, tuple[Chain, ...]] = {
    "face": OVAL + NOSE,
    "brows": BROWS,
    "eyes": EYES,
    "mouth": MOUTH,
}
