package dev.fbdeploy.demo

import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import dev.fbdeploy.core.Answer
import dev.fbdeploy.core.Box
import dev.fbdeploy.core.ClassColours
import dev.fbdeploy.core.Detection
import dev.fbdeploy.core.Overlay
import dev.fbdeploy.core.maskArgb
import kotlin.math.roundToInt

/** Boxes with their classes' names and scores, and their masks, in the classes' colours. */
class DrawnDetections(answer: Answer.Detected, private val overlay: Overlay, private val look: DetectionLook) : Drawn {
    private val found = answer.above(look.threshold)
    private val masks = maskArgb(answer, found)?.let {
        Bitmap.createBitmap(it, answer.picture.width, answer.picture.height, Bitmap.Config.ARGB_8888)
    }

    override fun draw(canvas: Canvas, opacity: Float) {
        val paint = Paint().apply { alpha = (255 * opacity).roundToInt() }
        if (masks != null) canvas.drawBitmap(masks, overlay.picture.toMatrix(), paint)
        // The best on top.
        found.asReversed().forEach { draw(canvas, it) }
    }

    private fun draw(canvas: Canvas, detection: Detection) {
        val box = overlay.picture(detection.box)
        val frame = Paint(Paint.ANTI_ALIAS_FLAG).apply {
            style = Paint.Style.STROKE
            strokeWidth = look.textSize / LINES_IN_LETTER
            color = ClassColours.ofObject(detection.classIndex)
        }
        canvas.drawRect(box.left.toFloat(), box.top.toFloat(), box.right.toFloat(), box.bottom.toFloat(), frame)
        val name = ResultPanel.name(look.labels, detection.classIndex)
        write(canvas, NAMED.format(name, 100 * detection.score), box, frame.color)
    }

    /** Above the box, or inside where there is no place above, and within the view. */
    private fun write(canvas: Canvas, text: String, box: Box, colour: Int) {
        val letters = Paint(Paint.ANTI_ALIAS_FLAG).apply {
            textSize = look.textSize
            color = Color.BLACK
        }
        val height = LINE_HEIGHT * look.textSize
        val width = letters.measureText(text) + look.textSize / 2
        val left = box.left.toFloat().coerceIn(0f, maxOf(0f, canvas.width - width))
        val top = if (box.top >= height) box.top.toFloat() - height else box.top.toFloat()
        canvas.drawRect(left, top, left + width, top + height, Paint().apply { color = colour })
        canvas.drawText(text, left + look.textSize / 4, top + look.textSize, letters)
    }

    private companion object {
        const val LINES_IN_LETTER = 6
        const val LINE_HEIGHT = 1.25f
        const val NAMED = "%s %.0f %%"
    }
}
