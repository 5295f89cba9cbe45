package dev.fbdeploy.demo

import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Matrix
import android.graphics.Paint
import dev.fbdeploy.core.Affine
import dev.fbdeploy.core.ClassColours
import dev.fbdeploy.core.Mask
import dev.fbdeploy.core.Overlay
import kotlin.math.roundToInt

/** A mask in its classes' colours, to be drawn where [overlay] says. */
class DrawnMask(mask: Mask, private val overlay: Overlay) : Drawn {
    private val bitmap = Bitmap.createBitmap(
        mask.toArgb(ClassColours.argb),
        mask.size.width,
        mask.size.height,
        Bitmap.Config.ARGB_8888
    )

    override fun draw(canvas: Canvas, opacity: Float) {
        val (left, top, right, bottom) = overlay.visible
        canvas.save()
        canvas.clipRect(left.toFloat(), top.toFloat(), right.toFloat(), bottom.toFloat())
        // Not smoothed: colours between two classes' are those of others.
        canvas.drawBitmap(bitmap, overlay.input.toMatrix(), Paint().apply { alpha = (255 * opacity).roundToInt() })
        canvas.restore()
    }
}

/** As Android draws with it. */
fun Affine.toMatrix(): Matrix {
    val values = listOf(a, b, c, d, e, f, 0.0, 0.0, 1.0)
    return Matrix().apply { setValues(FloatArray(9) { values[it].toFloat() }) }
}
