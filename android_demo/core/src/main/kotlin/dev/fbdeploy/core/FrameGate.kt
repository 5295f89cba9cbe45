package dev.fbdeploy.core

import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicLong

/** Lets one frame in at a time; the frames that come meanwhile are dropped, never queued. */
class FrameGate {
    private val busy = AtomicBoolean(false)
    private val droppedFrames = AtomicLong()

    val dropped: Long get() = droppedFrames.get()

    /** True when the frame may be worked on; then [leave] must follow. */
    fun tryEnter(): Boolean {
        val entered = busy.compareAndSet(false, true)
        if (!entered) droppedFrames.incrementAndGet()
        return entered
    }

    fun leave() = busy.set(false)
}
