plugins {
    alias(libs.plugins.android.application)
}

android {
    namespace = "dev.fbdeploy.demo"
    compileSdk = 36

    defaultConfig {
        applicationId = "dev.fbdeploy.demo"
        minSdk = 26
        targetSdk = 36
        versionCode = 1
        versionName = "1.0"
        ndk {
            abiFilters += listOf("arm64-v8a", "x86_64")
        }
    }

    buildTypes {
        release {
            // What the libraries need kept, their modules' consumer-rules.pro say.
            isMinifyEnabled = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"))
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }

    androidResources {
        // Models do not compress; stored as they are, they are unpacked faster.
        noCompress += listOf("onnx", "pte", "tflite")
    }

    packaging {
        // Both runtimes bring the C++ library.
        jniLibs.pickFirsts += "**/libc++_shared.so"
    }
}

dependencies {
    implementation(project(":core"))
    implementation(project(":backend-ort"))
    implementation(project(":backend-executorch"))
    implementation(project(":backend-litert"))
}
