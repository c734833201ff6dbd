"""The strings of a puppet: how far each part of its face is moved, as numbers without units of the photo."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Controls:
    """One state of the face relative to the photo; all zero is the photo itself.

    Right and left are the subject's own. Muscles are 1 at the strongest natural movement. Angles are degrees.

    Attributes:
        close_right: Right eyelid: 1 is closed, negative is wider open.
        close_left: Left eyelid.
        squint_right: Lower right lid and cheek raised.
        squint_left: Lower left lid and cheek raised.
        brow_right: Right brow raised.
        brow_left: Left brow raised.
        furrow: Brows drawn together and down.
        jaw_open: Jaw dropped.
        shut: Lips that the photo shows apart brought together.
        part: Lips parted over closed teeth.
        smile_right: Right mouth corner pulled up and out; negative pulls a smile of the photo back.
        smile_left: Left mouth corner pulled up and out.
        corners_down: Mouth corners pulled down.
        press: Lips pressed together.
        pout: Lips narrowed and pushed forward.
        jaw_side: Jaw pulled sideways, towards the subject's left where positive.
        wide: Lips stretched wide (negative: rounded), as in speech.
        wrinkle: Nose wrinkled.
        puff: Cheeks blown up.
        gaze_x: Irises shifted towards the subject's left, in eye widths.
        gaze_y: Irises shifted downwards, in eye widths.
        yaw: Head turned towards the subject's left.
        pitch: Head turned up.
        roll: Head tilted towards the subject's left shoulder.
        shift_x: Whole head moved to the picture's right, in outer-eye distances.
        shift_y: Whole head moved down, in outer-eye distances.
    """

    close_right: float = 0.0
    close_left: float = 0.0
    squint_right: float = 0.0
    squint_left: float = 0.0
    brow_right: float = 0.0
    brow_left: float = 0.0
    furrow: float = 0.0
    jaw_open: float = 0.0
    shut: float = 0.0
    part: float = 0.0
    smile_right: float = 0.0
    smile_left: float = 0.0
    corners_down: float = 0.0
    press: float = 0.0
    pout: float = 0.0
    jaw_side: float = 0.0
    wide: float = 0.0
    wrinkle: float = 0.0
    puff: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0


CONTROLS = tuple(field.name for field in fields(Controls))
