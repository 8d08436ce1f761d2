STATES={}
def run(*a): 
    from torment.tally import Tally
    return Tally()
