/* Symbols that onnxruntime's Android JNI library wants and a glibc machine does not have. */

void *OrtSessionOptionsAppendExecutionProvider_Nnapi(void *options, unsigned flags) {
    (void)options;
    (void)flags;
    return 0; /* NNAPI exists on Android only; nothing here asks for it. */
}

int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso) {
    (void)prepare;
    (void)parent;
    (void)child;
    (void)dso;
    return 0; /* glibc keeps its own private; the tests do not fork after loading. */
}
