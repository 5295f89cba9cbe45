package dev.fbdeploy.demo

import android.graphics.Canvas
import dev.fbdeploy.core.Answer
import dev.fbdeploy.core.Overlay

/** Something to draw over a picture. */
fun interface Drawn {
    /** Masks with [opacity], 0..1. */
    fun draw(canvas: Canvas, opacity: Float)
}

/** How detections are drawn: those above [threshold], with the names of classes in letters of [textSize] pixels. */
data class DetectionLook(val threshold: Float, val labels: List<String>, val textSize: Float)

/** What lies of an answer on the picture, where [overlay] says; null of answers without places. */
fun drawnOf(answer: Answer, overlay: Overlay, look: DetectionLook): Drawn? = when (answer) {
    is Answer.Ranking -> null
    is Answer.Segmented -> DrawnMask(answer.mask, overlay)
    is Answer.Detected -> DrawnDetections(answer, overlay, look)
}
