package dev.fbdeploy.demo

import android.content.Context
import android.graphics.Canvas
import android.util.AttributeSet
import android.view.View

/** Draws what the network found over the picture below. */
class AnswerOverlay(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    private var drawn: Drawn? = null

    /** Of masks, 0..1. */
    var opacity = 0f
        set(value) {
            field = value
            invalidate()
        }

    /** In this view's pixels; null shows nothing. */
    fun show(drawn: Drawn?) {
        this.drawn = drawn
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        drawn?.draw(canvas, opacity)
    }
}
