package dev.fbdeploy.core

/** A position in continuous pixels: pixel i covers [i, i + 1), the origin is the left upper corner, y points down. */
data class Point(val x: Double, val y: Double)

/** A width and a height in pixels. */
data class PixelSize(val width: Int, val height: Int) {
    val area: Long get() = width.toLong() * height

    /** All of it. */
    val box: Box get() = Box(0.0, 0.0, width.toDouble(), height.toDouble())
}

/** A rectangle along the axes, in continuous pixels. */
data class Box(val left: Double, val top: Double, val right: Double, val bottom: Double) {
    /** Left upper, right upper, right lower, left lower. */
    fun corners(): List<Point> = listOf(Point(left, top), Point(right, top), Point(right, bottom), Point(left, bottom))

    fun within(size: PixelSize): Box = Box(
        left.coerceAtLeast(0.0),
        top.coerceAtLeast(0.0),
        right.coerceAtMost(size.width.toDouble()),
        bottom.coerceAtMost(size.height.toDouble())
    )

    companion object {
        fun around(points: List<Point>): Box =
            Box(points.minOf { it.x }, points.minOf { it.y }, points.maxOf { it.x }, points.maxOf { it.y })
    }
}

/** x' = a x + b y + c, y' = d x + e y + f. */
data class Affine(val a: Double, val b: Double, val c: Double, val d: Double, val e: Double, val f: Double) {
    operator fun invoke(point: Point): Point = Point(a * point.x + b * point.y + c, d * point.x + e * point.y + f)

    operator fun invoke(box: Box): Box = Box.around(box.corners().map(::invoke))

    /** The map that applies [first], then this one. */
    fun after(first: Affine): Affine {
        val origin = this(Point(first.c, first.f))
        return Affine(
            a * first.a + b * first.d,
            a * first.b + b * first.e,
            origin.x,
            d * first.a + e * first.d,
            d * first.b + e * first.e,
            origin.y
        )
    }

    fun inverse(): Affine {
        val area = a * e - b * d
        val turned = Affine(e / area, -b / area, 0.0, -d / area, a / area, 0.0)
        val origin = turned(Point(c, f))
        return turned.copy(c = -origin.x, f = -origin.y)
    }

    companion object {
        fun scale(x: Double, y: Double): Affine = Affine(x, 0.0, 0.0, 0.0, y, 0.0)
    }
}
