package dev.fbdeploy.demo

import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.graphics.RectF
import android.util.AttributeSet
import android.view.View
import dev.fbdeploy.core.Box

/** Marks what the network sees of the picture below, and dims the rest of it. */
class CropOverlay(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    private val line = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        style = Paint.Style.STROKE
        strokeWidth = 2 * resources.displayMetrics.density
        color = context.getColor(R.color.crop)
    }
    private val shade = Paint().apply { color = context.getColor(R.color.outside_crop) }
    private var picture: RectF? = null
    private var seen: RectF? = null

    /** Both in this view's pixels; null shows nothing. */
    fun mark(picture: Box?, seen: Box?) {
        this.picture = picture?.toRect()
        this.seen = seen?.toRect()
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        val outer = picture ?: return
        val inner = seen ?: return
        canvas.drawRect(outer.left, outer.top, outer.right, inner.top, shade)
        canvas.drawRect(outer.left, inner.bottom, outer.right, outer.bottom, shade)
        canvas.drawRect(outer.left, inner.top, inner.left, inner.bottom, shade)
        canvas.drawRect(inner.right, inner.top, outer.right, inner.bottom, shade)
        canvas.drawRect(inner, line)
    }

    private fun Box.toRect() = RectF(left.toFloat(), top.toFloat(), right.toFloat(), bottom.toFloat())
}
