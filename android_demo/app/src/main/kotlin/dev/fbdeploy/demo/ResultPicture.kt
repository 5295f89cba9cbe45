package dev.fbdeploy.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.RectF
import android.text.Layout
import android.text.StaticLayout
import android.text.TextPaint
import dev.fbdeploy.core.Box
import java.io.File

/** A picture with what the network saw of it and said, as one image to share. */
object ResultPicture {
    private const val WIDTH = 1080
    private const val MARGIN = 24f

    /** [seen] is in the picture's pixels. */
    fun write(context: Context, picture: Bitmap, seen: Box?, text: String): File {
        val scale = WIDTH.toFloat() / picture.width
        val height = (picture.height * scale).toInt()
        val paint = TextPaint(Paint.ANTI_ALIAS_FLAG).apply {
            color = Color.BLACK
            textSize = WIDTH / 26f
        }

        @Suppress("DEPRECATION") // Its builder has the same in more lines.
        val lines = StaticLayout(
            text,
            paint,
            (WIDTH - 2 * MARGIN).toInt(),
            Layout.Alignment.ALIGN_NORMAL,
            1.2f,
            0f,
            false
        )
        val all = Bitmap.createBitmap(WIDTH, height + lines.height + 2 * MARGIN.toInt(), Bitmap.Config.ARGB_8888)
        val canvas = Canvas(all)
        canvas.drawColor(Color.WHITE)
        canvas.drawBitmap(picture, null, RectF(0f, 0f, WIDTH.toFloat(), height.toFloat()), null)
        if (seen != null) {
            val frame = Paint(Paint.ANTI_ALIAS_FLAG).apply {
                style = Paint.Style.STROKE
                strokeWidth = 4f
                color = Color.WHITE
            }
            val (left, top) = listOf(seen.left, seen.top).map { (it * scale).toFloat() }
            canvas.drawRect(left, top, (seen.right * scale).toFloat(), (seen.bottom * scale).toFloat(), frame)
        }
        canvas.translate(MARGIN, height + MARGIN)
        lines.draw(canvas)
        val file = File(ShareProvider.folder(context), "result.png")
        file.outputStream().use { all.compress(Bitmap.CompressFormat.PNG, 100, it) }
        return file
    }
}
