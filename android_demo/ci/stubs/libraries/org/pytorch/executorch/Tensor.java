package org.pytorch.executorch;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;

public abstract class Tensor {
    public static Tensor fromBlob(FloatBuffer data, long[] shape) {
        throw new UnsupportedOperationException("stub");
    }

    public static Tensor fromBlobUnsigned(ByteBuffer data, long[] shape) {
        throw new UnsupportedOperationException("stub");
    }

    public float[] getDataAsFloatArray() {
        throw new UnsupportedOperationException("stub");
    }
}
