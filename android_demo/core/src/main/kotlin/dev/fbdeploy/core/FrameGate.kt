package dev.fbdeploy.core

import java.util.concurrent.Executor
import java.util.concurrent.RejectedExecutionException
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicLong

/** An upright picture, and the milliseconds it took to convert and turn it. */
class Captured(val image: RgbImage, val milliseconds: Double)

/** Gives [worker] one frame at a time; the frames that come meanwhile are dropped, never queued. */
class FrameGate(private val worker: Executor, private val nanoTime: () -> Long = System::nanoTime) {
    private val busy = AtomicBoolean(false)
    private val droppedFrames = AtomicLong()

    val dropped: Long get() = droppedFrames.get()

    /** Calls [convert] here, while the camera's memory is valid, and [work] on the worker; or neither. */
    fun submit(convert: () -> RgbImage, work: (Captured) -> Unit) {
        if (!busy.compareAndSet(false, true)) {
            droppedFrames.incrementAndGet()
            return
        }
        var handedOver = false
        try {
            val start = nanoTime()
            val image = convert()
            val captured = Captured(image, (nanoTime() - start) / 1e6)
            worker.execute {
                try {
                    work(captured)
                } finally {
                    busy.set(false)
                }
            }
            handedOver = true
        } catch (_: RejectedExecutionException) {
            // The screen closed between the frame and now, and its worker with it.
        } finally {
            if (!handedOver) busy.set(false)
        }
    }
}
