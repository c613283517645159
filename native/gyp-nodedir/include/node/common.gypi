# Stub: the addon is built by cmake-js with node-api-headers, so node-gyp needs no Node headers (see binding.gyp).
{ 'target_defaults': {} }
