package dev.fbdeploy.demo

import android.content.Context
import android.graphics.Canvas
import android.util.AttributeSet
import android.view.View
import dev.fbdeploy.core.Mask
import dev.fbdeploy.core.Overlay

/** Draws a mask over the picture below. */
class MaskOverlay(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    private var drawn: DrawnMask? = null

    /** 0..1. */
    var opacity = 0f
        set(value) {
            field = value
            invalidate()
        }

    /** [overlay] is in this view's pixels. */
    fun show(mask: Mask, overlay: Overlay) {
        drawn = DrawnMask(mask, overlay)
        invalidate()
    }

    fun clear() {
        drawn = null
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        drawn?.draw(canvas, opacity)
    }
}
