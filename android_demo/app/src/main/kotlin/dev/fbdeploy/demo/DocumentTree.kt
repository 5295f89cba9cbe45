package dev.fbdeploy.demo

import android.content.ContentResolver
import android.net.Uri
import android.provider.DocumentsContract
import java.io.FileNotFoundException
import java.io.InputStream

/** A folder of the Storage Access Framework, read by path. */
class DocumentTree(private val resolver: ContentResolver, private val tree: Uri) {
    fun open(path: String): InputStream {
        var id = DocumentsContract.getTreeDocumentId(tree)
        for (name in path.split('/')) {
            id = child(id, name) ?: throw FileNotFoundException("the folder holds no $path: choose a demo_bundle")
        }
        return resolver.openInputStream(DocumentsContract.buildDocumentUriUsingTree(tree, id))
            ?: throw FileNotFoundException("$path cannot be read")
    }

    private fun child(parent: String, name: String): String? {
        val children = DocumentsContract.buildChildDocumentsUriUsingTree(tree, parent)
        val columns = arrayOf(
            DocumentsContract.Document.COLUMN_DOCUMENT_ID,
            DocumentsContract.Document.COLUMN_DISPLAY_NAME
        )
        resolver.query(children, columns, null, null, null)?.use { rows ->
            while (rows.moveToNext()) {
                if (rows.getString(1) == name) return rows.getString(0)
            }
        }
        return null
    }
}
