package dev.fbdeploy.core

/** Frames a second over the last [capacity] frames. Not thread-safe. */
class FrameRate(private val capacity: Int = 30) {
    private val times = ArrayDeque<Long>()

    /** A frame is done at [nanoseconds]. A pause of over a second starts again: nothing was shown. */
    fun add(nanoseconds: Long) {
        if (times.isNotEmpty() && nanoseconds - times.last() > 1_000_000_000) times.clear()
        if (times.size == capacity) times.removeFirst()
        times.addLast(nanoseconds)
    }

    fun clear() = times.clear()

    fun perSecond(): Double? = if (times.size < 2 || times.last() == times.first()) {
        null
    } else {
        (times.size - 1) * 1e9 / (times.last() - times.first())
    }
}

/** Lets one in [milliseconds] through, so that numbers on the screen can be read. Not thread-safe. */
class Throttle(private val milliseconds: Long, private val nanoTime: () -> Long = System::nanoTime) {
    private var last: Long? = null

    fun due(): Boolean {
        val now = nanoTime()
        val before = last
        if (before != null && now - before < milliseconds * 1_000_000) return false
        last = now
        return true
    }
}
