package dev.fbdeploy.demo

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.ClipData
import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.content.Intent
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import android.widget.Toast
import java.io.File
import java.io.FileNotFoundException

/** Files of the app's share folder, for the app that the user shares one with; read only. */
class ShareProvider : ContentProvider() {
    override fun onCreate() = true

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        if (mode != "r") throw FileNotFoundException("$uri is read only")
        return ParcelFileDescriptor.open(file(uri), ParcelFileDescriptor.MODE_READ_ONLY)
    }

    override fun getType(uri: Uri): String = if (file(uri).extension == "png") "image/png" else "application/json"

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        arguments: Array<String>?,
        order: String?
    ): Cursor {
        val file = file(uri)
        val known = mapOf(OpenableColumns.DISPLAY_NAME to file.name, OpenableColumns.SIZE to file.length())
        val columns = (projection ?: known.keys.toTypedArray()).filter { it in known }
        return MatrixCursor(columns.toTypedArray()).apply { addRow(columns.map { known[it] }) }
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?) = 0

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?) = 0

    /** A name alone, so that no path leads out of the folder. */
    private fun file(uri: Uri): File {
        val name = uri.lastPathSegment ?: throw FileNotFoundException("$uri")
        val folder = folder(context!!)
        return folder.listFiles().orEmpty().firstOrNull { it.name == name } ?: throw FileNotFoundException("$uri")
    }

    companion object {
        private const val AUTHORITY = "dev.fbdeploy.demo.share"

        /** What is written here can be shared; the system may clear it. */
        fun folder(context: Context): File = File(context.cacheDir, "share").also { it.mkdirs() }

        /** Offers a file of [folder], and [text] beside it. */
        fun share(activity: Activity, file: File, text: String) {
            val uri = Uri.Builder().scheme("content").authority(AUTHORITY).appendPath(file.name).build()
            val send = Intent(Intent.ACTION_SEND)
                .setType(if (file.extension == "png") "image/png" else "application/json")
                .putExtra(Intent.EXTRA_STREAM, uri)
                .putExtra(Intent.EXTRA_TEXT, text)
                .addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
            // The chooser passes the permission on only with what the clip holds.
            send.clipData = ClipData.newRawUri(file.name, uri)
            activity.launch(Intent.createChooser(send, null), null)
        }
    }
}

/** Starts another app's activity, with a result if [request] is given; says so if no app does that. */
fun Activity.launch(intent: Intent, request: Int?) {
    try {
        @Suppress("DEPRECATION") // Its successor is AndroidX's.
        if (request == null) startActivity(intent) else startActivityForResult(intent, request)
    } catch (_: ActivityNotFoundException) {
        Toast.makeText(this, R.string.no_app, Toast.LENGTH_LONG).show()
    }
}
