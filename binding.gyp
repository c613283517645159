# A shim for tools that only speak node-gyp (node-gyp-build, prebuildify). CMakeLists.txt is the build; no source is listed here.
{
  "targets": [
    {
      "target_name": "ctinspector",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake_js",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["<(PRODUCT_DIR)/ctinspector.node"],
          "action": ["node", "<(module_root_dir)/scripts/build-addon.cjs", "<(PRODUCT_DIR)"]
        }
      ]
    }
  ]
}
