namespace slicemill {}
