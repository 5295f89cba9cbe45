package dev.fbdeploy.core

import java.nio.Buffer

/**
 * Makes the whole buffer writable or readable again. Called on the base class, since clear() and
 * rewind() of ByteBuffer and FloatBuffer have return types of their own only from API 34 on.
 */
fun Buffer.restart() {
    clear()
}
