"""MediaPipe's own FaceMesh, run in an environment of its own (mediapipe 0.10.21, numpy < 2) for the comparisons.

    .venv-mediapipe/bin/python benchmarks/mediapipe_worker.py mesh FRAMES.npz OUT.npz    landmarks and regions
    .venv-mediapipe/bin/python benchmarks/mediapipe_worker.py time CLIP                  seconds and faces, as JSON

Imports nothing of facevlm.
"""

import json
import sys
import time
from pathlib import Path

import av
import cv2
import mediapipe
import numpy as np
from mediapipe.python.solution_base import SolutionBase

GRAPH = "mediapipe/modules/face_landmark/face_landmark_front_cpu.binarypb"
CROP = 192  # pixels
REGION = ("x_center", "y_center", "width", "height", "rotation")  # shares of width and height; radians


def face_mesh(*, static: bool, faces: int) -> SolutionBase:
    """`mediapipe.solutions.face_mesh.FaceMesh` with its regions of interest as outputs."""
    return SolutionBase(
        binary_graph_path=GRAPH,
        side_inputs={"num_faces": faces, "with_attention": True, "use_prev_landmarks": not static},
        outputs=["multi_face_landmarks", "face_rects_from_detections", "face_rects_from_landmarks"],
    )


def mesh(frames_path: str, out: str) -> None:
    """One face per frame, once as a still picture (region from the detection), once as video (region carried over)."""
    results = {}
    with np.load(frames_path) as clips:
        for name in clips.files:
            for mode in ("still", "video"):
                landmarks, regions = follow(clips[name], static=mode == "still")
                results[f"{name}/{mode}/landmarks"], results[f"{name}/{mode}/regions"] = landmarks, regions
                results[f"{name}/{mode}/crops"] = np.stack(
                    [crop(frame, region) for frame, region in zip(clips[name], regions, strict=True)]
                )
    np.savez(out, **results)


def follow(frames: np.ndarray, *, static: bool) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks float64 (T, 478, 3) in shares of the frame, and the regions (T, 5) they were fitted in; else NaN."""
    landmarks, regions = np.full((len(frames), 478, 3), np.nan), np.full((len(frames), 5), np.nan)
    carried = None
    with face_mesh(static=static, faces=1) as graph:
        for number, frame in enumerate(frames):
            found = graph.process({"image": np.ascontiguousarray(frame)})
            region = carried or _first(found.face_rects_from_detections)
            carried = None if static else _first(found.face_rects_from_landmarks)
            if found.multi_face_landmarks and region is not None:
                landmarks[number] = [(p.x, p.y, p.z) for p in found.multi_face_landmarks[0].landmark]
                regions[number] = [getattr(region, key) for key in REGION]
    return landmarks, regions


def crop(frame: np.ndarray, region: np.ndarray) -> np.ndarray:
    """What MediaPipe's ImageToTensorCalculator cuts out with OpenCV 4: uint8 (192, 192, 3); black without a face."""
    if np.isnan(region).any():
        return np.zeros((CROP, CROP, 3), np.uint8)
    x, y, w, h = region[:4] * np.array(frame.shape[1::-1] * 2)
    corners = cv2.boxPoints(((x, y), (w, h), float(np.degrees(region[4]))))
    target = np.array([[0, CROP], [0, 0], [CROP, 0], [CROP, CROP]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    return cv2.warpPerspective(frame, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _first(rects):
    return rects[0] if rects else None


def measure(clip: str) -> dict:
    """Time of FaceMesh as video, up to 8 faces, with and without decoding, after the first frame; boxes of faces."""
    faces: list[list[list[float]]] = []
    decoding = meshing = 0.0
    with mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=False, max_num_faces=8, refine_landmarks=True
    ) as graph, av.open(clip) as container:
        container.streams.video[0].thread_type = "AUTO"
        frames, cpu = container.decode(video=0), 0.0
        while True:
            start = time.perf_counter()
            picture = next(frames, None)
            if picture is None:
                break
            image = picture.to_ndarray(format="rgb24")
            decoded = time.perf_counter()
            found = graph.process(image)
            done = time.perf_counter()
            if faces:  # the first frame starts the networks
                decoding, meshing = decoding + decoded - start, meshing + done - decoded
            else:
                cpu = time.process_time()
            size = np.array([picture.width, picture.height])
            meshes = [np.array([(p.x, p.y) for p in f.landmark[:468]]) * size for f in found.multi_face_landmarks or ()]
            faces.append([[*m.min(0), *m.max(0)] for m in meshes])
        cpu = time.process_time() - cpu
    wall = decoding + meshing
    return {"frames": len(faces), "faces_s": meshing, "wall_s": wall, "cpu_s": cpu, "faces": faces}


if __name__ == "__main__":
    if sys.argv[1] == "mesh":
        mesh(sys.argv[2], sys.argv[3])
    else:
        print(json.dumps(measure(str(Path(sys.argv[2])))))
