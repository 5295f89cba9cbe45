package dev.fbdeploy.demo

import android.app.Activity
import android.view.View

/** A view of the activity's layout. */
inline fun <reified T : View> Activity.view(id: Int): T {
    val found: View = findViewById(id)
    return found as T
}

/** A view below another. */
inline fun <reified T : View> View.view(id: Int): T {
    val found: View = findViewById(id)
    return found as T
}
