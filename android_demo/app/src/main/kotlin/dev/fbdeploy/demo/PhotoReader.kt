package dev.fbdeploy.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Matrix
import android.media.ExifInterface
import android.net.Uri
import dev.fbdeploy.core.Captured
import dev.fbdeploy.core.RgbImage
import dev.fbdeploy.core.Turn
import java.io.IOException
import java.io.InputStream

/** Reads a picked photo, upright. */
class PhotoReader(private val context: Context) {
    /** Throws IOException if the photo is gone or no picture. */
    fun read(uri: Uri): Source.Still {
        val started = System.nanoTime()
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        open(uri).use { BitmapFactory.decodeStream(it, null, bounds) }
        val longer = maxOf(bounds.outWidth, bounds.outHeight)
        if (longer <= 0) throw unreadable()
        val options = BitmapFactory.Options().apply {
            inPreferredConfig = Bitmap.Config.ARGB_8888
            while (longer / (2 * inSampleSize.coerceAtLeast(1)) >= LONGEST_SIDE) {
                inSampleSize = 2 * inSampleSize.coerceAtLeast(1)
            }
        }
        val decoded = open(uri).use { BitmapFactory.decodeStream(it, null, options) } ?: throw unreadable()
        val bitmap = upright(decoded, open(uri).use(::turn))
        val pixels = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(pixels, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        val image = RgbImage.fromArgb(bitmap.width, bitmap.height, pixels)
        return Source.Still(bitmap, Captured(image, (System.nanoTime() - started) / 1e6))
    }

    private fun turn(stream: InputStream): Turn =
        Turn.ofExif(ExifInterface(stream).getAttributeInt(ExifInterface.TAG_ORIENTATION, 1))

    private fun upright(decoded: Bitmap, turn: Turn): Bitmap {
        if (turn == Turn(0, false)) return decoded
        val matrix = Matrix().apply {
            postRotate(turn.degrees.toFloat())
            if (turn.mirrored) postScale(-1f, 1f)
        }
        return Bitmap.createBitmap(decoded, 0, 0, decoded.width, decoded.height, matrix, false)
    }

    private fun open(uri: Uri): InputStream = context.contentResolver.openInputStream(uri) ?: throw unreadable()

    private fun unreadable() = IOException(context.getString(R.string.unreadable_photo))

    private companion object {
        /** Photos are halved while they stay at least this long, in pixels: memory, not accuracy. */
        const val LONGEST_SIDE = 2048
    }
}
