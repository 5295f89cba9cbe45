package dev.fbdeploy.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.text.Layout
import android.text.StaticLayout
import android.text.TextPaint
import dev.fbdeploy.core.Overlay
import java.io.File

/**
 * A [picture] with what the network saw of it and said, as one image to share. [overlay] is in the
 * picture's pixels, as is what is [drawn], masks with [opacity].
 */
class ResultPicture(
    private val picture: Bitmap,
    private val overlay: Overlay?,
    private val drawn: Drawn?,
    private val opacity: Float
) {
    /** With [text] below. */
    fun write(context: Context, text: String): File {
        val scale = WIDTH.toFloat() / picture.width
        val height = (picture.height * scale).toInt()
        val lines = lines(text)
        val all = Bitmap.createBitmap(WIDTH, height + lines.height + 2 * MARGIN.toInt(), Bitmap.Config.ARGB_8888)
        val canvas = Canvas(all)
        canvas.drawColor(Color.WHITE)
        canvas.save()
        canvas.scale(scale, scale)
        canvas.drawBitmap(picture, 0f, 0f, null)
        if (overlay != null) drawSeen(canvas, overlay, LINE / scale)
        canvas.restore()
        canvas.translate(MARGIN, height + MARGIN)
        lines.draw(canvas)
        val file = File(ShareProvider.folder(context), "result.png")
        file.outputStream().use { all.compress(Bitmap.CompressFormat.PNG, 100, it) }
        return file
    }

    private fun drawSeen(canvas: Canvas, overlay: Overlay, line: Float) {
        drawn?.draw(canvas, opacity)
        val frame = Paint(Paint.ANTI_ALIAS_FLAG).apply {
            style = Paint.Style.STROKE
            strokeWidth = line
            color = Color.WHITE
        }
        val (left, top, right, bottom) = overlay.visible
        canvas.drawRect(left.toFloat(), top.toFloat(), right.toFloat(), bottom.toFloat(), frame)
    }

    private fun lines(text: String): StaticLayout {
        val paint = TextPaint(Paint.ANTI_ALIAS_FLAG).apply {
            color = Color.BLACK
            textSize = WIDTH / 26f
        }
        @Suppress("DEPRECATION") // Its builder has the same in more lines.
        return StaticLayout(
            text,
            paint,
            (WIDTH - 2 * MARGIN).toInt(),
            Layout.Alignment.ALIGN_NORMAL,
            1.2f,
            0f,
            false
        )
    }

    companion object {
        private const val WIDTH = 1080
        private const val MARGIN = 24f
        private const val LINE = 4f
        private const val LETTERS = 34f

        /** Of letters over a [picture], in its pixels. */
        fun textSize(picture: Bitmap): Float = LETTERS * picture.width / WIDTH
    }
}
