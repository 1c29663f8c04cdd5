from . import api_keys
from . import publisher
from . import ham_dns_zone
from . import ham_dns_record
