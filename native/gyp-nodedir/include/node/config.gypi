# Stub, see common.gypi.
{ 'target_defaults': { 'default_configuration': 'Release' }, 'variables': {} }
