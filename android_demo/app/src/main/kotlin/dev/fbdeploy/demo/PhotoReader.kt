package dev.fbdeploy.demo

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Matrix
import android.media.ExifInterface
import android.net.Uri
import dev.fbdeploy.core.Geometry
import dev.fbdeploy.core.RgbImage
import java.io.IOException

/** Reads a picked photo, upright. */
class PhotoReader(private val resolver: ContentResolver) {
    class Photo(val bitmap: Bitmap, val image: RgbImage)

    /** Throws IOException if the photo is gone or no picture. */
    fun read(uri: Uri): Photo {
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        resolver.openInputStream(uri)?.use { BitmapFactory.decodeStream(it, null, bounds) }
        val longer = maxOf(bounds.outWidth, bounds.outHeight)
        if (longer <= 0) throw IOException("not a picture")
        val options = BitmapFactory.Options().apply {
            inPreferredConfig = Bitmap.Config.ARGB_8888
            while (longer / (2 * inSampleSize.coerceAtLeast(1)) >= LONGEST_SIDE) {
                inSampleSize = 2 * inSampleSize.coerceAtLeast(1)
            }
        }
        val decoded = resolver.openInputStream(uri)?.use { BitmapFactory.decodeStream(it, null, options) }
            ?: throw IOException("not a picture")
        val degrees = resolver.openInputStream(uri)?.use {
            Geometry.exifRotation(
                ExifInterface(it).getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL)
            )
        } ?: 0
        val turn = Matrix().apply { postRotate(degrees.toFloat()) }
        val bitmap = Bitmap.createBitmap(decoded, 0, 0, decoded.width, decoded.height, turn, false)
        val pixels = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(pixels, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        return Photo(bitmap, RgbImage.fromArgb(bitmap.width, bitmap.height, pixels))
    }

    private companion object {
        /** Photos are halved while they stay at least this long, in pixels: memory, not accuracy. */
        const val LONGEST_SIDE = 2048
    }
}
